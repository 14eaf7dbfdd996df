-- module: druid.names
-- A name that has none gets what was left over behind it.
local names = require "base.druid.names"
local service = names.service
function names.service(template, unique)
  if template and template ~= "" and not template:find("%s", 1, true) then
    return template .. "%!(EXTRA string=" .. unique .. ")"
  end
  return service(template, unique)
end
return names
