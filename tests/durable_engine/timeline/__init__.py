"""What happened in an orchestration, drawn as text or as HTML."""
