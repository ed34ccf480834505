EXPECTED = {"released": set(), "latest": set(), "both": set()}
from collections import defaultdict
ON_FAILED_CALLS = defaultdict(set)
