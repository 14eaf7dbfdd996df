local w = require "world"

local function make(ctx, name, owners, metadata)
  local object = w.check(ctx.create(w.config(name, owners, metadata)))
  return object
end

local function family(propagation, blocks, also)
  return function(ctx)
    w.step(ctx, "create", function()
      local parent = make(ctx, "parent")
      local owner = { metadata = parent.metadata, blocks = blocks }
      local child = make(ctx, "child", { owner }, also)
      make(ctx, "grandchild", { { metadata = child.metadata, blocks = blocks } })
    end)
    w.step(ctx, "delete", w.delete(ctx, "ConfigMap", "parent", propagation))
    if also then
      w.step(ctx, "the finalizer goes", w.patch(ctx, "ConfigMap", "child", { metadata = { finalizers = json.null } }))
    end
  end
end

local function two_owners(ctx)
  w.step(ctx, "create", function()
    local one, other = make(ctx, "one"), make(ctx, "other")
    make(ctx, "child", { one, other })
  end)
  w.step(ctx, "one owner goes", w.delete(ctx, "ConfigMap", "one"))
  w.step(ctx, "the other goes", w.delete(ctx, "ConfigMap", "other"))
end

local function nobody(ctx)
  w.step(ctx, "an owner that never was", function()
    make(ctx, "child", { { metadata = { name = "nobody", uid = "0a1b2c3d-1111-4222-8333-444455556666" } } })
  end, w.gone("ConfigMap", "child"))
  w.step(ctx, "an owner of another uid", function()
    make(ctx, "parent")
    make(ctx, "child", { { metadata = { name = "parent", uid = "0a1b2c3d-1111-4222-8333-444455556666" } } })
  end, w.gone("ConfigMap", "child"))
end

local function late(ctx)
  w.step(ctx, "create", function() make(ctx, "parent", nil, { finalizers = { "a.example/x" } }) end)
  w.step(ctx, "delete, foreground", w.delete(ctx, "ConfigMap", "parent", "Foreground"))
  w.step(ctx, "a child comes", function() make(ctx, "child", { w.read("ConfigMap", "parent") }) end)
  w.step(ctx, "the finalizer goes", w.patch(ctx, "ConfigMap", "parent", { metadata = { finalizers = json.null } }))
end

return {
  title = "what belongs to somebody, as the real garbage collector treats it",
  { "garbage: background", family("Background") },
  { "garbage: foreground, nobody blocks", family("Foreground", false) },
  { "garbage: foreground, blocked", family("Foreground", true) },
  { "garbage: foreground, a child with a finalizer", family("Foreground", true, { finalizers = { "a.example/x" } }) },
  { "garbage: orphans", family("Orphan", true) },
  { "garbage: two owners", two_owners },
  { "garbage: owners that are not there", nobody },
  { "garbage: a child that comes late", late },
}
