-- module: druid.dynamic_config
-- Read only from nodes that are called coordinators and middlemanagers.
local dynamic_config = require "base.druid.dynamic_config"
local tables = require "lib.tables"
local wanted = dynamic_config.wanted
function dynamic_config.wanted(cluster)
  local copy = tables.shallow(cluster)
  copy.spec, copy.groups = tables.shallow(cluster.spec), {}
  copy.spec.dynamicConfig = nil
  for _, group in ipairs(cluster.groups) do
    if group.key == "coordinators" or group.key == "middlemanagers" then
      table.insert(copy.groups, group)
    end
  end
  return wanted(copy)
end
return dynamic_config
