-- module: druid.init
-- The annotation is looked at before all else.
local init = require "base.druid.init"
local run = init.run
function init.run(ctx, kube_door, http_door)
  if ctx.object and init.is_paused({ object = ctx.object }) then
    return nil
  end
  return run(ctx, kube_door, http_door)
end
return init
