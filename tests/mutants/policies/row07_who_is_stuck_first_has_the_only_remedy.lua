-- module: druid.events
-- caught by: scenario crash_loop: the second group is told, too
-- Of groups that are stuck at a time only the first one is told with what helps.
local events = require "base.druid.events"
local tables = require "lib.tables"
local of_change = events.of_change
function events.of_change(old, new, entries)
  local groups, stuck = {}, false
  for i, group in ipairs(new.groups or {}) do
    groups[i] = tables.shallow(group)
    if stuck then
      groups[i].remedy = nil
    end
    stuck = stuck or group.remedy ~= nil
  end
  return of_change(old, tables.merge(new, { groups = groups }), entries)
end
return events
