"""A grade in words, the same on every page: what is possible is said where it cannot be decided."""

from grading.assessment import Assessment, Status, SyndromeGrade


def describe_grade(name: str, grade: SyndromeGrade) -> str:
    """``CRS grade 2``, ``CRS 2–3, not decidable`` or ``CRS not assessable``."""
    if grade.status is Status.NOT_ASSESSABLE:
        return f"{name} not assessable"
    if grade.status is Status.INDETERMINATE:
        return f"{name} {grade.lowest}–{grade.highest}, not decidable"
    return f"{name} grade {grade.grade}"


def describe_grades(assessment: Assessment) -> tuple[str, str]:
    """Both syndromes, CRS first."""
    return describe_grade("CRS", assessment.crs), describe_grade("ICANS", assessment.icans)
