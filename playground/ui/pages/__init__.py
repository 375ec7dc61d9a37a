"""The pages of the window: one package a page, its view and its presenter.

How a page is written:

- `pages/<key>/page.py` holds a `Page` subclass (`playground.ui.window.page`), or a `SplitPage` for
  a list with details beside it. It takes a `Theme` and its parent, builds widgets in `_build()`,
  wires its own signals in `_connect()`, and offers methods that show plain values, and the parts
  whose signals the presenter connects to. It decides nothing and knows no service.
- `pages/<key>/presenter.py` takes the view, the `Bridge` and the services it needs, and connects to
  `shown`, `hidden` and `closing`. Blocking or asynchronous work goes through
  `bridge.submit(coroutine)` (awaitable, use it inside `bridge.spawn(self._load())`) or
  `bridge.follow(make_generator, slot)`; settings are written by `bridge.write` and followed by
  `bridge.subscribe`. Errors nobody awaits reach `MainWindow.report`: a `PlaygroundError` becomes a
  toast, anything else the bug dialog.
- `app/pages.py` builds both on the first visit and keeps the presenter as `view.presenter`; the
  page's place on the rail stands in `app/window.py`.
- Looks: `set_role(label, "caption", "quiet")` for text (roles in `stylesheet.SIZES`), and the
  dynamic properties the style sheet knows: `card="true"` on a QFrame, `primary`, `flat`, `danger`
  on a QPushButton, `button` or `flat` on a QToolButton, `field` on a QPlainTextEdit, `line="h"`.
  Icons: `theme.icon("folder", "quiet")`, set again on `theme.changed`. Sizes: `theme.px(14)`.
- Parts in `playground/ui/widgets`: `make_label`, `make_card`, `make_button` and friends in
  `basics.py`, `Segmented`, `CheckBox` and `ComboBox` in `inputs.py`, `DetailsPopup` in
  `details.py`, `make_row`, `make_column` and `make_scroll_area` in `layouts.py`; `FlowLayout`;
  `markdown.view.MarkdownView`.
- Texts from files, models and providers go into labels with `PlainText` (what `make_label` sets).
- Every control has an accessible name and a tooltip; strings go through `self.tr()` + `.format`.
- Dialogs: `open()`, never `exec()`.
"""
