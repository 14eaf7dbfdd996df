-- module: druid.client.coordinator
-- What is taken out of the object stays in Druid.
local coordinator = require "base.druid.client.coordinator"
local set_rules = coordinator.set_rules
function coordinator.set_rules(druid, datasource, rules, comment)
  return #rules == 0 or set_rules(druid, datasource, rules, comment)
end
function coordinator.remove_compaction()
  return true
end
return coordinator
