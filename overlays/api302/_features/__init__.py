"""What calls can do beside being made: files in and out, tasks, streams, uploads, paging, cost."""
