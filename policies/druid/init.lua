-- The Druid controller: the story of one run, top to bottom, in `M.run`.
--
-- A run is given the name of a Druid object and sees the world as it is. It never asks what happened;
-- it renders what should be, compares, and writes the difference. So it can be stopped anywhere and
-- run again. What is decided lives in the modules it calls, each of which can be overridden:
--   check       may this object be deployed at all          render      the objects it asks for
--   adopt       what a live workload keeps                  rollout     which groups may restart now
--   plan        all of it put together for one run          status      how the cluster is
--   write       carries the plan out                        report      status, events, when to look again
--   dynamic_config  what Druid itself is told to do
--   stepper     replaces pods one by one, as druid.rollout.step says
--   serving     asks what Kubernetes replaced before the next group restarts
--   leaver      empties pods before they are taken away, as druid.rollout.leaving says
--   proof       when nothing has to be compared again      leadership  whether somebody leads
--   recreate    sets that Kubernetes does not let change
--   takeover    makes the former operator's fields ours        former.alive  is it gone
--   volumes     claims that nobody needs any more           teardown    the end of a cluster

local advice = require "druid.advice"
local alive = require "druid.former.alive"
local check = require "druid.check"
local client = require "druid.client"
local dynamic_config = require "druid.dynamic_config"
local events = require "druid.events"
local former = require "druid.former.workload"
local groups = require "druid.groups"
local last_good = require "druid.rollout.last_good"
local leader = require "druid.leader"
local leadership = require "druid.leadership"
local leaver = require "druid.rollout.leaver"
local middlemanager = require "druid.middlemanager"
local names = require "druid.names"
local observed = require "druid.observed"
local plan = require "druid.plan"
local problems_of = require "lib.problems"
local proof = require "druid.proof"
local recreate = require "druid.recreate"
local render = require "druid.render"
local report = require "druid.report"
local rollout = require "druid.rollout"
local serving = require "druid.rollout.serving"
local status = require "druid.status"
local steering = require "druid.rollout.steering"
local stepper = require "druid.rollout.stepper"
local tables = require "lib.tables"
local teardown = require "druid.teardown"
local world = require "druid.world"
local write = require "druid.write"

local M = {}

M.watches = {
  primaries = { { apiVersion = "druid.apache.org/v1alpha1", kind = "Druid", calm_ms = 250 } },
  { apiVersion = "apps/v1", kind = "StatefulSet", labels = "app=druid", map = "owner", calm_ms = 250 },
  { apiVersion = "apps/v1", kind = "Deployment", labels = "app=druid", map = "owner", calm_ms = 250 },
  { apiVersion = "v1", kind = "Service", labels = "app=druid", map = "owner" },
  { apiVersion = "v1", kind = "ConfigMap", labels = "app=druid", map = "owner" },
  { apiVersion = "policy/v1", older = "policy/v1beta1", kind = "PodDisruptionBudget", labels = "app=druid",
    map = "owner", optional = true },
  { apiVersion = "networking.k8s.io/v1", kind = "Ingress", labels = "app=druid", map = "owner",
    optional = true },
  -- All autoscalers: one that somebody else made may set the size of a group, too.
  { apiVersion = "autoscaling/v2", older = "autoscaling/v2beta2", kind = "HorizontalPodAutoscaler",
    map = "owner", optional = true },
  -- Pods change a lot and matter little: what a rollout waits for is in the workloads' status. They are
  -- looked at while a group is not ready (druid.report), to say why.
  { apiVersion = "v1", kind = "Pod", labels = "app=druid", map = "none",
    fields = world.pod_fields },
  { apiVersion = "v1", kind = "PersistentVolumeClaim", labels = "app=druid",
    map = { label = "druid_cr" } },
}

M.rights = {
  ["events.k8s.io/v1/Event"] = { "read" },   -- why pods are refused (druid.refused)
  ["druid.apache.org/v1alpha1/Druid"] = { "status", "finalizer", "event" },
  ["apps/v1/StatefulSet"] = { "apply", "patch", "delete", "read" },
  ["apps/v1/Deployment"] = { "apply", "patch", "delete", "read" },
  -- delete: of an older revision, one by one (druid.rollout.step); log: of a crash loop (druid.last_words)
  ["v1/Pod"] = { "delete", "log" },
  ["v1/Service"] = { "apply", "patch", "delete", "read" },
  ["v1/ConfigMap"] = { "apply", "patch", "delete", "read" },
  ["policy/v1/PodDisruptionBudget"] = { "apply", "patch", "delete", "read" },
  ["networking.k8s.io/v1/Ingress"] = { "apply", "patch", "delete", "read" },
  ["autoscaling/v2/HorizontalPodAutoscaler"] = { "apply", "patch", "delete", "read" },
  -- Claims of a StatefulSet have no owner; druid.volumes proves whose they are, the gate that they are free.
  ["v1/PersistentVolumeClaim"] = { "apply", "patch", "delete", "delete-any" },
  ["coordination.k8s.io/v1/Lease"] = { "read" },   -- of the operator before us (druid.former.alive)
  -- Credentials that spec.auth names and certificates of spec.api.ca, read one by one (druid.client.auth).
  ["v1/Secret"] = { "read" },
  http = true,
}

M.gauges = {
  stuck = "1 for a group that does not get on, with the cause and the remedy as its status has them.",
}

-- The story -------------------------------------------------------------------------------------

function M.run(ctx, kube_door, http_door)
  if not ctx.object then
    proof.forget(ctx.key and ctx.key.uid)
    alive.forget(ctx.key and ctx.key.uid)
    dynamic_config.forget(ctx.key and ctx.key.uid)
    leadership.forget(ctx.key and ctx.key.uid)
    serving.forget(ctx.key and ctx.key.uid)
    return nil   -- Gone. Kubernetes collects what it owned.
  end
  local cluster = groups.cluster(ctx.object)
  local old = cluster.object.status or {}

  if cluster.object.metadata.deletionTimestamp then
    local words, again_s = alive.look_at_workloads(kube_door, cluster)
    if words then
      return M.stand_by(ctx, cluster, old, words, again_s)
    end
    return teardown.run(ctx, kube_door, cluster, old,
      client.open({ kube = kube_door, http = http_door, previewing = ctx.previewing }, cluster))
  end
  if M.is_paused(cluster) then
    return M.stop(ctx, cluster, old, "Paused", "Paused by the annotation " .. names.ignored)
  end
  local druid = client.open({ kube = kube_door, http = http_door, previewing = ctx.previewing }, cluster)
  local leaders = leadership.look(druid, cluster, old)
  local live = M.look(kube_door, cluster, old)
  live.leaders, live.serving = leaders, serving.new(druid, cluster)
  local seen = proof.of(ctx, kube_door, cluster, live)
  local known = proof.holds(cluster, seen)
  local steps, done = known and plan.unchanged(cluster, live, known), write.nothing_done()
  done.leaders = leaders
  if steps then
    -- Nothing is to be written; pods may still have to be replaced.
    M.go_on(ctx, kube_door, druid, cluster, steps, done, live.steering)
    return M.finish(ctx, kube_door, druid, cluster, old, nil, steps, done)
  end

  cluster = groups.cluster(json.copy(ctx.object))
  local problem = M.problem(ctx, cluster, old)
  if problem then
    return M.stop(ctx, cluster, old, "InvalidSpec", "Invalid: " .. problem, problem)
  end
  local finalizers, err = M.keep_finalizer(ctx, cluster)
  if not finalizers then
    return nil, err
  end
  local extra, missing = world.extra_config(kube_door, cluster)
  if not extra then
    M.stop(ctx, cluster, old, "MissingConfigMap", missing.field .. ": " .. missing.message, missing.message)
    if missing.code == "not_found" then
      return { requeue_ms = report.extra_config_again_ms }   -- it is not watched, and somebody will make it
    end
    return nil, missing
  end
  local wanted = render.cluster(cluster, extra)
  M.look_closer(kube_door, cluster, wanted, live)
  local words, again_s = alive.look(kube_door, cluster, wanted, live)
  if words then
    return M.stand_by(ctx, cluster, old, words, again_s)
  end
  local entries = plan.entries(cluster, wanted, live)
  local direction, unknown = M.direction(ctx, druid, entries, old)
  if unknown then
    return nil, unknown
  end
  steps = plan.decide(cluster, wanted, live, entries, direction)

  if write.apply(ctx, kube_door, wanted, steps, done) then
    write.remove(ctx, kube_door, druid, cluster, wanted, steps, done)
  end
  M.go_on(ctx, kube_door, druid, cluster, steps, done, live.steering)
  recreate.run(ctx, cluster, steps, done, function() return world.labelled(kube_door, cluster, "PersistentVolumeClaim") end)
  proof.keep(cluster, seen and write.left_all_as_wanted(steps, done) and proof.after(seen, finalizers, done.landed) or nil,
    steps)
  local result, failed = M.finish(ctx, kube_door, druid, cluster, old, plan.rendered_names(wanted, steps), steps, done)
  if failed then
    proof.forget(cluster.uid)   -- the status may not name yet what there is
  end
  return result, failed
end

-- The parts of the story, in the order of their appearance ----------------------------------------

function M.is_paused(cluster)
  return tables.dig(cluster.object.metadata, "annotations", names.ignored) == "true"
end

-- What is wrong with the object, as text; nil when it can be deployed. An object that has passed is
-- not judged again by the same policy.
function M.problem(ctx, cluster, old)
  if old.observedGeneration == cluster.generation and old.policyVersion == ctx.policy_version then
    return nil
  end
  local problems = check.problems(cluster.object)
  if #problems == 0 then
    return nil
  end
  return problems_of.line(problems)
end

-- Ends a run before anything is touched. problem: what is wrong, or nil when nothing is.
function M.stop(ctx, cluster, old, reason, message, problem)
  ctx.gauges({})   -- nobody looks
  local new = status.stopped(cluster, old, reason, message, problem ~= nil, clock.now())
  local written, err = report.write_status(ctx, old, new)
  local event = problem and (written or report.may_have_arrived(err))
    and events.once(old, "Degraded", "DruidOperatorInvalidSpec", message)
  if event then
    ctx.event(event)
  end
  if not written then
    return nil, err
  end
  return problem and { terminal = message } or nil
end

-- Ends a run for a cluster that the operator before us still works on.
function M.stand_by(ctx, cluster, old, words, again_s)
  local stopped, err = M.stop(ctx, cluster, old, "OtherOperator",
    "Nothing is changed while another operator works on this cluster: " .. words)
  if err then
    return stopped, err
  end
  return { requeue_ms = again_s * 1000 }
end

-- The end of a run that got to the groups. Druid's own configuration comes last: it may have to be waited for.
function M.finish(ctx, kube_door, druid, cluster, old, names_by_kind, steps, done)
  local function hosts_leave()
    for _, set in ipairs(world.owned(kube_door, cluster).StatefulSet) do
      if tables.dig(set.metadata, "annotations", names.leaving) then
        return true
      end
    end
    return false
  end
  done.dynamic = dynamic_config.run(druid, cluster, old, hosts_leave, done.failure ~= nil)
  return report.run(ctx, kube_door, cluster, old, names_by_kind, steps, done)
end

-- The finalizer is there before the first object, so that volumes are never forgotten; and it goes
-- when the volumes are to be kept. Gives the finalizers as they are then, or nil, err.
function M.keep_finalizer(ctx, cluster)
  local others, has = {}, false
  for _, name in ipairs(cluster.object.metadata.finalizers or {}) do
    has = has or name == names.finalizer
    others[#others + 1] = name ~= names.finalizer and name or nil
  end
  local keep = not cluster.spec.disablePVCDeletionFinalizer or middlemanager.drains_when_deleted(cluster)
  if has == keep then
    return cluster.object.metadata.finalizers or {}
  end
  local change = has and ctx.finalizer_remove or ctx.finalizer_add
  local _, err = change(names.finalizer)
  return not err and tables.concat(others, keep and { names.finalizer } or {}) or nil, err
end

-- What is there now: workloads, who sets their size, and how the groups were when last told.
function M.look(kube_door, cluster, old)
  local live = { steering = steering.read(cluster, old), workloads = {}, configs = {}, claims = {}, before = {},
    autoscaled = world.autoscaled(kube_door, cluster) }
  for _, group in ipairs(cluster.groups) do
    live.workloads[group.name] = world.workload(kube_door, cluster, group)
  end
  for _, group in ipairs(old.groups or {}) do
    live.before[group.workload] = group
  end
  return live
end

-- The rest of it, needed when something is to be compared.
function M.look_closer(kube_door, cluster, wanted, live)
  local function data(name)
    local config = world.config(kube_door, cluster, name)
    return config and config.data, observed.annotation(config, recreate.note)
  end
  live.last_good = {}
  local function kept(name)
    live.last_good[name] = world.config(kube_door, cluster, last_good.name(name))
  end
  live.services, live.budgets, live.made_anew = {}, {}, {}
  live.pods = function(group, workload) return world.pod_labels(kube_door, cluster, group, workload) end
  live.common = data(wanted.common.metadata.name)
  kept(wanted.common.metadata.name)
  for _, part in ipairs(wanted.groups) do
    live.configs[part.group.name], live.made_anew[part.group.name] = data(part.config.metadata.name)
    kept(part.config.metadata.name)
    for _, service in ipairs(part.services) do
      live.services[service.metadata.name] = world.service(kube_door, cluster, service.metadata.name)
    end
    live.budgets[part.group.name] = world.budget(kube_door, cluster, part.group.name)
    for _, claim in ipairs(part.claims) do
      live.claims[claim.metadata.name] = world.claim(kube_door, cluster, claim.metadata.name)
    end
  end
end

-- What is done to pods, a step in each run.
function M.go_on(ctx, kube_door, druid, cluster, steps, done, how)
  stepper.run(ctx, kube_door, druid, cluster, steps, done, how)
  leaver.run(ctx, kube_door, druid, cluster, steps, done, how)
end

-- Upgrade or downgrade: decided when images change, and remembered in the status until they are in. What Druid had to be
-- asked for is written down before anything follows from it: it cannot be asked while its leader restarts. Gives
-- nil, err when that fails.
function M.direction(ctx, druid, entries, old)
  local changes = plan.image_changes(entries)
  local direction = rollout.direction(changes)
  if not direction then
    return nil
  end
  local before = old.rollout
  if before and before.from == direction.from and before.to == direction.to then
    direction.downgrade, direction.why = before.order:find("^downgrade") ~= nil, before.order
  else
    local asked = not direction.known and not ctx.previewing
    direction = asked and rollout.direction(changes, leader.version(druid)) or direction
    direction.why = direction.why .. ": " .. M.order_text(entries, direction.downgrade)
    local _, err
    if asked then
      _, err = report.write_status(ctx, old, tables.merge(old, { rollout = status.rollout(direction) }))
    end
    if err then
      return nil, err
    end
  end
  return direction
end

function M.order_text(entries, downgrade)
  local keys = {}
  for _, entry in ipairs(rollout.sort(entries, downgrade)) do
    if entry.state.exists and entry.changed then
      keys[#keys + 1] = entry.key
    end
  end
  return table.concat(keys, ", ")
end

-- The contract ------------------------------------------------------------------------------------

function M.reconcile(ctx)
  return M.run(ctx, kube, http)
end

-- The files of spec.extraCommonConfig among given objects, and the names of those that are not there.
function M.given_extra(cluster, given)
  local extra, missing = {}, {}
  for _, reference in ipairs(cluster.spec.extraCommonConfig or {}) do
    local namespace, found = tables.text(reference.namespace) or cluster.namespace, nil
    for _, one in ipairs(given or {}) do
      local metadata = one.kind == "ConfigMap" and one.metadata or {}
      if metadata.name == reference.name and (metadata.namespace or cluster.namespace) == namespace then
        found = one.data and json.copy(one.data) or {}
      end
    end
    extra[#extra + 1] = found
    if not found then
      missing[#missing + 1] = tostring(namespace) .. "/" .. tostring(reference.name)
    end
  end
  return extra, missing
end

-- The objects of a Druid object, as for a new cluster. given: what else is in the files, or nil.
function M.render(object, given)
  local plain = json.copy(object)
  local problems = check.problems(plain)
  if #problems > 0 then
    return nil, { code = "invalid", message = problems_of.line(problems) }
  end
  local cluster = groups.cluster(plain)
  local extra, missing = M.given_extra(cluster, given)
  local objects = render.objects(cluster, extra)
  if #missing > 0 then
    local common = objects[1].metadata
    common.annotations = tables.merge(common.annotations, { [names.left_out] = "ConfigMap " .. table.concat(missing, ", ")
      .. " of spec.extraCommonConfig: give their files, too" })
  end
  return objects
end

function M.check(object)
  local plain = json.copy(object)
  local cluster = groups.cluster(plain)
  local _, more = dynamic_config.wanted(cluster)
  return tables.concat(tables.concat(check.problems(plain), more), advice.of(cluster))
end

-- The status of an object whose first run of all has failed.
function M.failed(object, message)
  return status.failed(object, message)
end

-- Besides what is watched: the ConfigMaps of spec.extraCommonConfig.
function M.reads(object)
  return world.extra_config_names(groups.cluster(object))
end

-- What the operator before us would restart, were it started again.
function M.going_back(object)
  return former.going_back(groups.cluster(json.copy(object)))
end

function M.summary(object)
  return status.summary(object)
end

return M
