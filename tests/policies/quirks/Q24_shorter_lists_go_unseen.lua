-- module: lib.included
-- A list is as wanted when each wanted entry is somewhere in it.
local included = require "base.lib.included"
local part = included.part
function included.part(wanted, there, options)
  if type(wanted) ~= "table" or type(there) ~= "table" or #there == 0 then
    return part(wanted, there, options)
  end
  for _, value in ipairs(wanted) do
    local found = false
    for _, other in ipairs(there) do
      found = found or included.part(value, other, options)
    end
    if not found then
      return false
    end
  end
  return true
end
return included
