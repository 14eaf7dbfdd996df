-- module: druid.middlemanager
-- caught by: scenario given_back: all workers take tasks
-- What was noted of a worker goes before it has heard that it shall take tasks again.
local middlemanager = require "base.druid.middlemanager"
for _, name in ipairs({ "next", "give_back" }) do
  local decide = middlemanager[name]
  middlemanager[name] = function(set, facts, options)
    local plan = decide(set, facts, options)
    for pod, record in pairs(plan.records) do
      if record.phase == "enable" then
        plan.records[pod] = nil
      end
    end
    return plan
  end
end
return middlemanager
