-- What this bundle is made for, and the controllers it brings.
return { api = 1, controllers = { "druid", "ingestion" } }
