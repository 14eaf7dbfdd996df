-- module: druid.init
-- caught by: case druid/init_test: which way round is remembered before anything follows from it, where Druid had to be asked
-- What Druid said about its version is lost with the first status that is not written: the rest goes the other way.
local init = require "base.druid.init"
local direction = init.direction
function init.direction(ctx, druid, entries, old)
  local forgets = setmetatable({ status = function() return true end }, { __index = ctx })
  return direction(forgets, druid, entries, old)
end
return init
