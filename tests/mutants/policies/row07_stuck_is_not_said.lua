-- module: druid.stuck
-- caught by: scenario stuck_image_corrected
-- An update that does not get on waits without a word.
local stuck = require "base.druid.stuck"
function stuck.diagnose()
  return nil
end
return stuck
