-- outcome: done
return { run = function(ctx)
  for _, f in ipairs{ ctx.apply, ctx.apply_all, ctx.create, ctx.patch, ctx.delete, ctx.status,
                      ctx.finalizer_add, ctx.event, ctx.sleep, kube.get, kube.list, kube.read,
                      kube.read_list, http.request } do
    assert(not pcall(f))
    assert(not pcall(f, nil))
    assert(not pcall(f, print))
    assert(not pcall(f, ctx))
    pcall(f, setmetatable({}, { __index = function() while true do end end }))
  end
  assert(not pcall(ctx.apply, { apiVersion = "v1", kind = "Pod", metadata = {} }))
  assert(not pcall(ctx.apply, { apiVersion = 1, kind = "Pod", metadata = { name = "a" } }))
  assert(not pcall(ctx.apply_all, { 1, 2 }))
  assert(not pcall(ctx.apply_all, { {} }))
end }
