"""The SMART app: the course, the ICE assessment, attribution and hand-over, launched from the EHR."""
