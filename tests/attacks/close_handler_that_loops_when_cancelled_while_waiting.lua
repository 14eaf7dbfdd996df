-- outcome: killed
local mt = {}
return { run = function(ctx)
  local object = setmetatable({}, mt)
  mt.__close = function() while true do end end
  local guard <close> = object
  ctx.sleep(1e9)
end }
