"""The paper's experiments, and ours beside them, one command each: `undelete reproduce NAME`."""
