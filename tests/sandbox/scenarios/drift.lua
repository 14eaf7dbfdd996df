local w = require "world"
local M = { title = "puts back what others delete or change, and keeps what others add" }

local function comes_back(ctx, api_version, kind, name)
  local before = w.read(api_version, kind, name)
  w.check(ctx.delete(before, { propagation = "Background" }))
  w.wait(ctx, kind .. " " .. name .. " is back", 30, function()
    local live = w.read(api_version, kind, name)
    return live and live.metadata.uid ~= before.metadata.uid
  end)
end

function M.run(ctx)
  local druid = w.deploy(ctx)
  local broker = w.group_of(druid, "broker").name
  comes_back(ctx, "v1", "Service", broker)
  comes_back(ctx, "v1", "ConfigMap", broker .. "-config")
  comes_back(ctx, "v1", "ConfigMap", "tiny-druid-common-config")
  comes_back(ctx, "apps/v1", "StatefulSet", broker)

  local map = w.read("v1", "ConfigMap", broker .. "-config")
  w.check(ctx.patch(map, { data = { ["runtime.properties"] = "changed=by hand", ["foreign.txt"] = "not ours" } }))
  w.wait(ctx, "the ConfigMap's data are ours again", 30, function()
    local live = w.read("v1", "ConfigMap", broker .. "-config")
    return json.equal(live.data, map.data), json.encode(live.data)
  end)

  local service = w.read("v1", "Service", broker)
  w.check(ctx.patch(service, { metadata = { labels = { team = "search" } }, spec = { selector = { foreign = "x" } } }))
  w.wait(ctx, "the Service selects as before and keeps the foreign label", 30, function()
    local live = w.read("v1", "Service", broker)
    return json.equal(live.spec.selector, service.spec.selector) and live.metadata.labels.team == "search"
  end)

  w.wait(ctx, "the cluster is Ready and at rest", 120, function() return w.is_ready() end)
  ctx.sleep(8000)
  w.check(ctx.patch(service, { metadata = { ownerReferences = json.null } }))
  w.wait(ctx, "the Service has its owner again", 30, function()
    local live = w.read("v1", "Service", broker)
    return json.equal(live.metadata.ownerReferences, service.metadata.ownerReferences)
  end)

  local set = w.read("apps/v1", "StatefulSet", broker)
  local image = set.spec.template.spec.containers[1].image
  w.check(ctx.patch(set, { { op = "replace", path = "/spec/template/spec/containers/0/image", value = "hand/made:1" } },
    { type = "json" }))
  w.wait(ctx, "the image is ours again", 30, function()
    return w.read("apps/v1", "StatefulSet", broker).spec.template.spec.containers[1].image == image
  end)
  w.wait(ctx, "the cluster is Ready again", 120, function() return w.is_ready() end)
end

return M
