"""The Hugging Face Hub: search, repositories, remote headers, recommended versions."""
