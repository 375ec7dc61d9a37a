"""The Models page: the model files of this computer, and what each needs."""
