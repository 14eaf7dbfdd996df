-- outcome: done killed
return { run = function(ctx)
  local t = json.array{}
  for _ = 1, 27 do t = { t, t } end
  local function refused(...)
    local ok, text = pcall(...)
    assert(not ok and text:find("too large", 1, true), text)
  end
  refused(json.encode, t)
  refused(json.copy, t)
  refused(json.equal, t, {})
  refused(yaml.encode, t)
  refused(ctx.apply, { apiVersion = "v1", kind = "Pod", metadata = { name = "p" }, x = t })
  refused(ctx.status, { x = t })
  local circle = {}
  circle.circle = circle
  assert(not pcall(json.encode, circle))
end }
