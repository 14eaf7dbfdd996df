-- module: druid.write
-- caught by: case rollback_test: a cluster whose only changed group is back is not called ready, however often it is looked at
-- A group that was taken back counts as one that is as the Druid object says.
local write = require "base.druid.write"
local left = write.left_all_as_wanted
function write.left_all_as_wanted(steps, done)
  for _, entry in ipairs(steps.groups) do
    entry.rolled_back = nil
  end
  return left(steps, done)
end
return write
