-- module: druid.init
-- What is wrong with it is looked at before its deletion.
local check = require "druid.check"
local init = require "base.druid.init"
local run = init.run
function init.run(ctx, kube_door, http_door)
  if ctx.object and #check.problems(json.copy(ctx.object)) > 0 then
    return nil
  end
  return run(ctx, kube_door, http_door)
end
return init
