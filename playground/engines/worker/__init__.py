"""The child process that holds one loaded model and answers with it."""
