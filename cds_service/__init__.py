"""CDS Hooks 2.0 service: discovery, patient-view and feedback over HTTP. It grades nothing itself."""
