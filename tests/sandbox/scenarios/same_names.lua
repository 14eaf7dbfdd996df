local w = require "world"
local M = { title = "a cluster made anew within a second, and one of the same name elsewhere, have what is theirs" }

local function with_volumes(druid)
  local key = w.group_of(druid, "historical").key
  druid.spec.nodes[key].volumeClaimTemplates = { {
    metadata = { name = "data" },
    spec = { accessModes = { "ReadWriteOnce" }, storageClassName = "standard",
      resources = { requests = { storage = "1Gi" } } },
  } }
end

local KINDS = { { "apps/v1", "StatefulSet" }, { "v1", "Service" }, { "v1", "ConfigMap" } }

-- Every object of the cluster has this owner, and there are as many as before.
local function count_owned(uid)
  local count = 0
  for _, kind in ipairs(KINDS) do
    for _, object in ipairs(w.list(kind[1], kind[2], "druid_cr=tiny")) do
      local owner = object.metadata.ownerReferences and object.metadata.ownerReferences[1]
      if not owner or owner.uid ~= uid then
        return nil, kind[2] .. " " .. object.metadata.name .. " is another's"
      end
      count = count + (object.metadata.name:find("-druid-model", 1, true) and 0 or 1)   -- that plays Druid
    end
  end
  return count
end

local function made_anew(ctx)
  local before = w.deploy(ctx, nil, function(druid)
    with_volumes(druid)
    druid.spec.disablePVCDeletionFinalizer = true
  end)
  local wanted = w.check(count_owned(before.metadata.uid))
  w.check(ctx.delete(w.druid(), { propagation = "Background" }))
  local again = w.cluster()
  with_volumes(again)
  again.spec.disablePVCDeletionFinalizer = true
  w.check(ctx.create(again))
  local now = w.wait(ctx, "the second cluster is Ready, of objects of its own", 300, function()
    local ready, why = w.is_ready()
    if not ready then return false, why end
    local count, other = count_owned(ready.metadata.uid)
    return count == wanted and ready, other or count .. " of " .. wanted
  end)
  w.check(now.metadata.uid ~= before.metadata.uid, "it is another object")
end

-- Nothing that is done to a cluster reaches one of its name in another namespace.
local function elsewhere(ctx)
  local other = w.namespace .. "-other"
  local function there(api_version, kind, name)
    return kube.read{ apiVersion = api_version, kind = kind, namespace = other, name = name }
  end
  w.check(ctx.create{ apiVersion = "v1", kind = "Namespace", metadata = { name = other } })
  local druid = w.cluster()
  with_volumes(druid)
  druid.metadata.namespace = other
  w.check(ctx.create(druid))
  local function is_ready()
    local found = there(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
    local ready = found and w.condition(found, "Ready")
    return ready and ready.status == "True", ready and ready.message
  end
  w.wait(ctx, "the one of the same name is Ready", 120, is_ready)
  local claim = w.check(there("v1", "PersistentVolumeClaim", "data-druid-tiny-historicals-0"))
  w.check(ctx.patch(w.druid(), { spec = { disablePVCDeletionFinalizer = false } }))
  w.wait(ctx, "the first has its finalizer", 60, function()
    local found = w.is_ready()
    return found and found.metadata.finalizers ~= nil
  end)
  w.check(ctx.delete(w.druid()))
  w.wait(ctx, "the first is gone with its volumes", 180, function()
    return not w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
      and #w.list("v1", "PersistentVolumeClaim", "druid_cr=tiny") == 0
  end)
  ctx.sleep(20000)
  w.check(is_ready())
  w.equal(w.check(there("v1", "PersistentVolumeClaim", "data-druid-tiny-historicals-0")).metadata.uid, claim.metadata.uid,
    "the claim of the other")
  w.equal(w.check(there("apps/v1", "StatefulSet", "druid-tiny-historicals")).metadata.generation, 1, "its set was left alone")
end

function M.run(ctx)
  made_anew(ctx)
  if w.mode == "virtual" then   -- elsewhere a scenario has one namespace, which is removed after it
    elsewhere(ctx)
  end
end

return M
