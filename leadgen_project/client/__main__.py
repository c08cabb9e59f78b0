"""``python -m leadgen_project.client``, the same as the command ``leadgen``."""

import sys

from leadgen_project.client.app import main

sys.exit(main())
