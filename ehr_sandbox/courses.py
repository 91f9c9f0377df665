"""The synthetic patients: invented people with invented courses, one situation each.

Each function tells one course in hours before the chart clock. What a clinician must find there is worked out
by hand in ``patients/expected.toml``, with the reason. Nobody real stands behind any of them.
"""

from ehr_sandbox.difficult_courses import DIFFICULT_COURSES
from ehr_sandbox.typical_courses import TYPICAL_COURSES

COURSES = (*TYPICAL_COURSES, *DIFFICULT_COURSES)
