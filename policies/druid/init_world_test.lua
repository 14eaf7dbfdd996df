-- A small world of tables that whole runs of the policy are tested in: what is written changes it, and is
-- noted. `new(spec)` makes one with a Druid object.

local druid = require "druid.init"
local names = require "druid.names"

-- A world: objects by "Kind/name", a log of writes, and the doors that a run is given.
local worlds = 0
local function new_world(spec)
  worlds = worlds + 1
  local world = { objects = {}, log = {}, events = {}, uids = 0, version = "p1" }
  world.primary = { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid",
    metadata = { name = "demo", namespace = "default", uid = "cr" .. worlds, generation = 1 }, spec = spec }

  local function note(verb, object)
    world.log[#world.log + 1] = verb .. " " .. object.kind .. "/" .. (object.name or object.metadata.name)
  end

  local function get(query)
    return world.objects[query.kind .. "/" .. query.name]
  end

  local function list(query)
    local found = {}
    for _, object in pairs(world.objects) do
      local references = object.metadata.ownerReferences or {}
      local labels, all = object.metadata.labels or {}, true
      for key, value in (query.labels or ""):gmatch("([^=,]+)=([^,]+)") do
        all = all and labels[key] == value
      end
      if object.kind == query.kind and all
        and (not query.owner or (references[1] or {}).uid == query.owner) then
        found[#found + 1] = object
      end
    end
    table.sort(found, function(a, b) return a.metadata.name < b.metadata.name end)
    return found
  end

  -- What changes an object changes its version; a status does not, for brevity.
  local function version_of(object)
    return digest.sha256((object.applied or "") .. json.encode(object.data or object.spec or {}))
  end

  local function versions(query)
    local text = ""
    for _, object in ipairs(list(query)) do
      text = text .. object.metadata.name .. " " .. object.metadata.uid .. " " .. version_of(object) .. "\n"
    end
    return text
  end

  world.kube = { get = get, list = list, read = get, read_list = list, versions = versions,
    log = function() return nil, { code = "not_found", message = "no log" } end }
  world.http = { request = function() return nil, { code = "network", message = "refused" } end }

  local function apply(object)
    object = json.copy(object)
    object.metadata.uid = nil   -- says which one is meant, and is no content
    local text = json.encode(object)
    local key = object.kind .. "/" .. object.metadata.name
    local live = world.objects[key]
    if world.fail and world.fail == key then
      return { err = { code = "invalid", message = "spec.x is wrong" } }
    end
    if live and live.applied == text then
      if live.spoilt then
        live.spoilt, live.data = nil, json.decode(text).data
        note("repair", object)
        return { object = live, change = "updated" }
      end
      return { object = live, change = "same" }
    end
    note(live and "update" or "create", object)
    local new = json.decode(text)
    new.applied = text
    world.uids = world.uids + 1
    new.metadata.uid = live and live.metadata.uid or "uid" .. world.uids
    new.metadata.generation = (new.spec or {}).template and (live and live.metadata.generation or 1) or nil
    new.status = live and live.status
    local step = live and (live.metadata.annotations or {})[names.step]
    if step then
      new.metadata.annotations[names.step] = step   -- of another manager
    end
    if live and new.metadata.generation and not json.equal(live.spec or {}, new.spec or {}) then
      new.metadata.generation = new.metadata.generation + 1
    end
    if live and not json.equal((live.spec or {}).template or {}, (new.spec or {}).template or {}) then
      world.log[#world.log] = "restart " .. key
      new.status = json.copy(new.status)
      new.status.updateRevision = "r" .. world.uids
    end
    world.objects[key] = new
    return { object = new, change = live and "updated" or "created" }
  end

  local function patch(target, changes)
    note("patch", target)
    local live = world.objects[target.kind .. "/" .. (target.name or target.metadata.name)]
    for key, value in pairs(changes.metadata.annotations or {}) do
      live.metadata.annotations = live.metadata.annotations or {}
      live.metadata.annotations[key] = value ~= json.null and value or nil
    end
    if changes.spec then
      live.spec.updateStrategy = { type = changes.spec.updateStrategy.type }
    end
    return live
  end

  world.ctx = function()
    return {
      object = world.primary, policy_version = world.version,
      apply_all = function(objects, options)
        local answers = {}
        world.compared = (world.compared or 0) + #objects
        for i, object in ipairs(objects) do
          answers[i] = apply(object)
        end
        for _, object in ipairs((options or {}).merges or {}) do
          answers[#answers + 1] = { object = patch(object, object), change = "updated" }
        end
        for _, answer in ipairs(answers) do
          local metadata = (answer.object or {}).metadata
          if metadata then
            metadata.resourceVersion = version_of(answer.object)
          end
        end
        if world.meanwhile then
          world.meanwhile()
        end
        return answers
      end,
      patch = patch,
      delete = function(target)
        local refused = (world.refused or {})[target.name or target.metadata.name]
        if refused then
          return nil, refused
        end
        note("delete", target)
        world.objects[target.kind .. "/" .. (target.name or target.metadata.name)] = nil
        return true
      end,
      status = function(status)
        if world.fail == "status" then
          return nil, { code = "conflict", status = 409, message = "the object has been modified" }
        end
        world.log[#world.log + 1] = "status " .. (status.message or "")
        world.primary.status = json.decode(json.encode(status))
        return true
      end,
      finalizer_add = function(name)
        world.log[#world.log + 1] = "finalizer"
        world.primary.metadata.finalizers = { name }
        return true
      end,
      finalizer_remove = function()
        world.log[#world.log + 1] = "release"
        world.primary.metadata.finalizers = nil
        return true
      end,
      gauges = function(figures) world.gauges = figures end,
      event = function(event) world.events[#world.events + 1] = event.reason .. ": " .. event.message end,
    }
  end

  -- One run; gives what it returned and what it wrote.
  function world.run()
    world.log, world.events = {}, {}
    local outcome, err = druid.run(world.ctx(), world.kube, world.http)
    return table.concat(world.log, "\n"), outcome, err
  end

  local function new_pod(set, name, revision)
    world.uids = world.uids + 1
    return { apiVersion = "v1", kind = "Pod", metadata = { name = name, uid = "uid" .. world.uids,
      labels = { app = "druid", druid_cr = "demo", nodeSpecUniqueStr = set.metadata.name,
        ["controller-revision-hash"] = revision },
      ownerReferences = { { uid = set.metadata.uid, controller = true } } },
      status = { phase = "Running", podIP = "10.0.0." .. world.uids, conditions = { { type = "Ready", status = "True",
        lastTransitionTime = "2026-01-01T00:00:00Z" } } } }
  end

  -- The controllers of Kubernetes finish what was begun; only: just this workload.
  function world.settle(only)
    for key, object in pairs(world.objects) do
      if object.kind == "StatefulSet" and (not only or key == only) then
        local total = object.spec.replicas or 1
        local revision = (object.status or {}).updateRevision or "r0"
        local held = (object.metadata.annotations or {})[names.step]
        local updated = 0
        for ordinal = 0, total - 1 do
          local name = object.metadata.name .. "-" .. ordinal
          local pod = world.objects["Pod/" .. name]
          if not pod or not held then
            pod = new_pod(object, name, revision)
          end
          world.objects["Pod/" .. name] = pod
          updated = updated + (pod.metadata.labels["controller-revision-hash"] == revision and 1 or 0)
        end
        object.status = { observedGeneration = object.metadata.generation, replicas = total,
          readyReplicas = total, updatedReplicas = updated, currentRevision = held and "r0" or revision,
          updateRevision = revision }
      end
    end
  end

  function world.lose_pods()
    for key, object in pairs(world.objects) do
      if object.kind == "Pod" then
        world.objects[key] = nil
      end
    end
  end

  -- Kubernetes and the operator go on until something restarts, or all is ready; the log of that run.
  function world.go_on()
    for _ = 1, 12 do
      world.settle()
      local log = world.run()
      if log:find("restart ", 1, true) or log:find("status Ready", 1, true) then
        return log
      end
    end
    return "nothing went on"
  end

  -- From nothing to ready.
  function world.bring_up()
    world.run()
    world.settle()
    world.run()
  end

  function world.edit(change)
    change(world.primary.spec)
    world.primary.metadata.generation = world.primary.metadata.generation + 1
  end

  return world
end

-- The cases of a test file are what `pairs` finds in it; the way to make a world is not among them.
return setmetatable({
  ["what is written is there, and noted"] = function(t)
    local world = new_world({})
    world.ctx().apply_all({ { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "a" }, data = { x = "y" } } })
    t.equal(world.kube.get({ kind = "ConfigMap", name = "a" }).data, { x = "y" })
    t.equal(world.log, { "create ConfigMap/a" })
  end,
}, { __index = { new = new_world } })
