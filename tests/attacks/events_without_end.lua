-- outcome: killed
-- text: effects
return { run = function(ctx)
  local pod = { apiVersion = "v1", kind = "Pod", name = "p" }
  while true do pcall(ctx.event, { reason = "R", message = "m", regarding = pod }) end
end }
