-- module: druid.events
-- caught by: scenario crash_loop: the second group is told, too
-- Of groups that are stuck at a time only the first one is told with what helps.
local events = require "base.druid.events"
local tables = require "lib.tables"
local of_change = events.of_change
function events.of_change(old, new, entries)
  local list, stuck = {}, false
  for i, entry in ipairs(entries) do
    list[i] = tables.shallow(entry)
    if stuck then
      list[i].stuck = nil
    end
    stuck = stuck or entry.stuck ~= nil
  end
  return of_change(old, new, list)
end
return events
