-- module: druid.leadership
-- caught by: scenario leaderless
-- All pods are Ready, and nobody asks whether anybody leads.
local leadership = require "base.druid.leadership"
function leadership.look()
  return nil
end
return leadership
