-- module: druid.init
-- What is lost is noticed at the next round.
local init = require "base.druid.init"
for _, watch in ipairs(init.watches) do
  if watch.map == "owner" then
    watch.map = "none"
  end
end
return init
