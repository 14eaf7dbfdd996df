-- Policies run in the operator: these globals are given to them, and nothing else is.
std = "lua54"
max_line_length = 130
exclude_files = { "tests/attacks" }   -- programs that are wrong on purpose
read_globals = { "kube", "http", "log", "clock", "json", "cjson", "yaml", "digest", "random" }
files["tests/policies/run.lua"] = { globals = { "json", "cjson", "clock", "digest" }, std = "lua54" }
-- It breaks rules to see them enforced.
files["tests/unit/script_library_test.lua"] = { ignore = { "111", "113", "122", "142", "143", "512" } }
