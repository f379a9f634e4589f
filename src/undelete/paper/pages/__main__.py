"""The pages of docs/results from results: `python -m undelete.paper.pages RESULT.json ... > docs/results/PAGE.md`."""

import sys

from undelete.paper.pages.page import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
