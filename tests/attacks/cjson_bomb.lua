-- outcome: failed
-- text: counts each time
return { run = function()
  local t = {}
  for _ = 1, 27 do t = { t, t } end
  cjson.encode(t)
end }
