-- Decides what becomes of a field of a live StatefulSet or Deployment that Kubernetes never lets change. Pure, but
-- for M.run.
--
-- From: what druid.adopt had to keep (selector, serviceName, podManagementPolicy, volumeClaimTemplates), and how far
-- the workload is. One that is settled (or cannot settle but by that change: OrderedReady that waits for a pod which is
-- not ready) and whose pod template is as it should be is deleted without its pods, and made anew by the next run: the
-- pods go on, and the new one adopts them. For that it must have the very template that it had, and a selector that the
-- pods carry; both, and the count that an autoscaler has set, are noted in the group's ConfigMap before, so that an
-- operator that is killed in between, or an edit, changes nothing about it. A label that was part of the selector changes
-- after that, as any change of the template does: pod by pod, or, in a Deployment, by its surge. Volumes that grow are
-- grown before and apart from that, each claim by the size of its own template, however the group is; the storage class
-- has to allow it. What can not be done that way is told, with what to do.
-- spec.recreateOnImmutableChange: false leaves every workload as it is. Override M.decide for another rule.

local adopt = require "druid.adopt"
local names = require "druid.names"
local observed = require "druid.observed"
local quantity = require "lib.quantity"
local refusal = require "lib.refusal"
local tables = require "lib.tables"
local volumes = require "druid.volumes"

local M = {}

M.note = "nemeton.dev/made-anew"   -- annotation on a group's ConfigMap: what its new workload has to have
M.note_bytes_max = 200 * 1024      -- annotations of an object may have 256 KiB

-- What the new workload needs of the old one, as text. Nil when it is too long.
function M.noted(live)
  local annotations = {}
  for _, name in ipairs({ names.template_hash, names.config_hash, adopt.mark }) do
    annotations[name] = observed.annotation(live, name)
  end
  if observed.annotation(live, names.former) == "template" then
    annotations[names.template_hash] = "former"   -- no digest of ours: it is written with the next change, which is due
  end
  local text = json.encode({ kind = live.kind, uid = live.metadata.uid, replicas = live.spec.replicas or 1,
    template = live.spec.template, annotations = json.object(annotations) })
  return #text <= M.note_bytes_max and text or nil
end

-- Makes a rendered workload, of which there is none, the successor of the noted one. count(): pods of the group that
-- are there. True when it is one.
function M.succeed(workload, text, count)
  local note = text and json.decode(text)
  if type(note) ~= "table" or note.kind ~= workload.kind or type(note.template) ~= "table" then
    return false
  end
  workload.spec.template = note.template
  workload.metadata.annotations = tables.merge(workload.metadata.annotations, note.annotations)
  local labels, selector = tables.dig(note, "template", "metadata", "labels") or {}, {}
  for key, value in pairs(workload.spec.selector.matchLabels) do
    if labels[key] == value then
      selector[key] = value
    end
  end
  workload.spec.selector = { matchLabels = selector }
  -- Fewer pods are a matter of their own: they are emptied first.
  local replicas = workload.spec.replicas
  workload.spec.replicas = math.max(replicas or 0, note.replicas or 0, replicas == nil and count() or 0)
  return true
end

local function size_of(template)
  return tables.dig(template, "spec", "resources", "requests", "storage")
end

-- What differs between two lists of claim templates: { grow = { [name] = size }, shrinks = name or nil }.
function M.sizes(wanted, have)
  local before, result = {}, { grow = {} }
  for _, template in ipairs(have or {}) do
    before[template.metadata.name] = template
  end
  for _, template in ipairs(wanted or {}) do
    local name = template.metadata.name
    local old, new = size_of(before[name]), size_of(template)
    if quantity.less(new, old) then
      result.shrinks = result.shrinks or name
    elseif quantity.less(old, new) then
      result.grow[name] = new
    end
  end
  return result
end

-- How a person does it, where it is not done here.
local function by_hand(live, field, why)
  return string.format("%s %s keeps its %s: %s. To have it changed, run: kubectl -n %s delete %s %s --cascade=orphan",
    live.kind, live.metadata.name, field, why, live.metadata.namespace, live.kind:lower(), live.metadata.name)
end

-- Why a workload can't be made anew for a field without a risk for its pods, or nil.
local function risk(cluster, entry, field)
  local live = entry.live
  if cluster.spec.recreateOnImmutableChange == false then
    return "Kubernetes cannot change that in place, and recreateOnImmutableChange is false"
  elseif tables.dig(live, "spec", "selector", "matchExpressions") then
    return "Kubernetes cannot change that in place, and its selector is not one that Nemeton makes"
  elseif observed.annotation(live, names.former) == "template" and field ~= "selector" then
    return "Kubernetes cannot change that in place, and a new one would restart its pods"
  elseif not M.noted(live) then
    return "Kubernetes cannot change that in place, and its pod template is too large to be kept meanwhile"
  end
  return nil
end

-- Whether the change itself is what gets a set on that waits for one pod before it makes the next: then it will not
-- settle before. Nothing but that may be due, pods have to be lacking for it, and no pod be under replacement.
local function frees(entry, kept)
  local row, state = kept[1], entry.state
  return #kept == 1 and row.field == "podManagementPolicy" and row.wanted == "Parallel" and state.seen and not state.held
    and (state.present or 0) < state.total and state.ready < (state.present or 0)
end

-- kept: list of { field =, wanted =, have = } of one group. Gives { now = it can be made anew now, notes = list,
-- grow = { [template] = size } that claims get in any case, fields = text }.
function M.decide(cluster, entry, kept)
  local decision, fields = { notes = {}, grow = {} }, {}
  for i, row in ipairs(kept) do
    fields[i] = row.field
    local why = risk(cluster, entry, row.field)
    local sizes = row.field == "volumeClaimTemplates" and M.sizes(row.wanted, row.have) or { grow = {} }
    local name = entry.live.metadata.name
    if sizes.shrinks then
      decision.blocked = true
      table.insert(decision.notes, string.format("StatefulSet %s keeps its volumeClaimTemplates: volumes cannot "
        .. "shrink. Set the size of \"%s\" back", name, sizes.shrinks))
    elseif next(sizes.grow) and cluster.spec.scalePvcSts ~= true then
      decision.blocked = true
      table.insert(decision.notes, string.format("StatefulSet %s keeps its volumeClaimTemplates: its volumes are "
        .. "smaller. Set spec.scalePvcSts to true to have them grow", name))
    elseif why then
      decision.blocked = true
      table.insert(decision.notes, by_hand(entry.live, row.field, why))
    end
    if next(sizes.grow) and cluster.spec.scalePvcSts == true then
      decision.grow = sizes.grow   -- Kubernetes lets claims grow, whatever becomes of the set
    end
  end
  decision.fields = table.concat(fields, ", ")
  if decision.blocked then
    return decision
  end
  local ready = (entry.state.settled or frees(entry, kept)) and not entry.changed
  table.insert(decision.notes, string.format("%s %s is made anew for its %s%s; its pods keep running",
    entry.live.kind, entry.live.metadata.name, decision.fields, ready and "" or " once it has settled"))
  decision.now = ready and not entry.state.held
    and entry.live.metadata.deletionTimestamp == nil and observed.annotation(entry.live, names.template_hash) ~= nil
  return decision
end

-- Claims of the set that are smaller than their template asks for: list of { claim =, size =, template = }.
function M.small_claims(cluster, entry, claims)
  local small = {}
  for _, claim in ipairs(claims) do
    local origin, set = volumes.origin(cluster, claim)
    local template = origin == "template" and set == entry.group.name and names.claim_parts(claim.metadata.name, set)
    local size = template and entry.recreate.grow[template]
    if size and quantity.less(size_of(claim), size) and not claim.metadata.deletionTimestamp then
      small[#small + 1] = { claim = claim, size = size, template = template }
    end
  end
  return small
end

-- Grows the claims of a group. What one is refused, the others of its template are not asked for in this run.
local function grow(ctx, cluster, entry, claims, done)
  local refused = {}
  for _, row in ipairs(M.small_claims(cluster, entry, claims)) do
    local name = row.claim.metadata.name
    local _, err
    if not refused[row.template] then
      _, err = ctx.patch(row.claim, { spec = { resources = { requests = { storage = row.size } } } }, { type = "merge" })
    end
    if err then
      refused[row.template] = true
      if err.code ~= "forbidden" and err.code ~= "invalid" then
        done.failure = done.failure or err
      end
      local words = string.format("PersistentVolumeClaim %s does not grow: %s", name, refusal.words(err.message))
      table.insert(entry.notes, words)
      entry.refusals = tables.concat(entry.refusals, { words })
    elseif not refused[row.template] then
      table.insert(done.updated, { kind = "PersistentVolumeClaim", name = name })
    end
  end
end

-- The note of a group that is not needed any more: its workload was made anew, or is not to be.
local function tidy(ctx, cluster, entry, done)
  local note = entry.made_anew and json.decode(entry.made_anew)
  local live = entry.live
  if not note or not live or live.metadata.deletionTimestamp or (entry.recreate and entry.recreate.now) then
    return
  end
  local _, err = ctx.patch({ apiVersion = "v1", kind = "ConfigMap", namespace = cluster.namespace,
    name = names.node_config(entry.group.name) }, { metadata = { annotations = { [M.note] = json.null } } }, { type = "merge" })
  done.failure = done.failure or err
end

local function make_anew(ctx, cluster, entry, done)
  local live = entry.live
  local text = M.noted(live)
  local _, err = ctx.patch({ apiVersion = "v1", kind = "ConfigMap", namespace = cluster.namespace,
    name = names.node_config(entry.group.name) }, { metadata = { annotations = { [M.note] = text } } }, { type = "merge" })
  if not err then
    _, err = ctx.delete({ apiVersion = "apps/v1", kind = live.kind, namespace = live.metadata.namespace,
      name = live.metadata.name, uid = live.metadata.uid },
      { propagation = "Orphan", reason = "it is made anew for its " .. entry.recreate.fields })
  end
  done.failure = done.failure or err
  if not err then
    table.insert(done.deleted, { kind = live.kind, name = live.metadata.name,
      why = "made anew for its " .. entry.recreate.fields .. ", its pods keep running" })
  end
end

-- Grows claims, whatever else is under way or broken: a full disk may be why. Then makes at most one workload anew, in a
-- run that has written nothing else: deletes it without its pods; the next run, which its end wakes, makes it again.
-- claims: gives those of the cluster.
function M.run(ctx, cluster, steps, done, claims)
  local quiet = not done.failure and not done.left and #done.updated + #done.created + #done.replaced == 0
  for _, entry in ipairs(steps.groups) do
    if entry.recreate and next(entry.recreate.grow) then
      grow(ctx, cluster, entry, claims(), done)
    end
  end
  for _, entry in ipairs(quiet and steps.groups or {}) do
    tidy(ctx, cluster, entry, done)
  end
  for _, entry in ipairs(quiet and not done.failure and steps.groups or {}) do
    -- Pods that are about to leave are emptied first.
    if entry.recreate and entry.recreate.now and not entry.leave and not entry.refusals then
      make_anew(ctx, cluster, entry, done)
      return
    end
  end
end

return M
