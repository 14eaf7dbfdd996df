-- module: druid.dynamic_config
-- An answer that is not 200 is told to nobody.
local dynamic_config = require "base.druid.dynamic_config"
local run = dynamic_config.run
function dynamic_config.run(...)
  local result = run(...)
  if result and result.condition and result.condition.status == "False" then
    result.events = {}
  end
  return result
end
return dynamic_config
