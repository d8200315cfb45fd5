"""What calls make together: streams, tasks, files, uploads, paging, costs."""
