"""Small parts that every page uses."""

from PySide6.QtGui import QTextDocument

from playground.ui.widgets.parts import plain_tooltip


def test_a_tooltip_shows_a_strangers_name_to_the_letter_and_keeps_its_lines() -> None:
    text = "a <b>bold</b> & <img src='file:///etc/passwd'> name\nsecond line"
    tip = plain_tooltip(text)
    document = QTextDocument()
    document.setHtml(tip)
    assert document.toPlainText() == text
    assert plain_tooltip("1 & 2\n3") == "1 & 2\n3"
