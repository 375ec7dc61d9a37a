"""Shows where AI inference can live, here or in the cloud, and what each place costs."""

__version__ = "0.1.0"
