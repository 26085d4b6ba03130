"""`python -m outrider`: the same command."""

import sys

from outrider.main import main

sys.exit(main())
