-- module: druid.rollout.leaver
-- caught by: scenario given_back: the group is gone, and its name is free
-- A group that is removed takes the note of its decommissioned hosts along: one of its name that comes later gets nothing.
local leaver = require "base.druid.rollout.leaver"
local may_go = leaver.may_go
function leaver.may_go(...)
  local yes, words, blocked, leavers, go_now = may_go(...)
  if go_now then
    return true, nil, nil, leavers
  end
  return yes, words, blocked, leavers
end
return leaver
