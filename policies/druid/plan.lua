-- Plans one run: what is written now, what waits, what goes. Pure.
--
-- From: the cluster, its rendered parts, and what is live. It puts the decisions of druid.adopt
-- (what stays), druid.rollout (who may restart) and the rule for ConfigMaps together: a group's own
-- ConfigMap goes out with its template, the common one when the first group of a rollout goes.

local adopt = require "druid.adopt"
local former = require "druid.former.workload"
local last_good = require "druid.rollout.last_good"
local leaving = require "druid.rollout.leaving"
local middlemanager = require "druid.middlemanager"
local observed = require "druid.observed"
local names = require "druid.names"
local recreate = require "druid.recreate"
local render = require "druid.render"
local rollout = require "druid.rollout"
local services = require "druid.services"
local step = require "druid.rollout.step"
local tables = require "lib.tables"
local tiers = require "druid.rollout.tiers"

local M = {}

M.again_ms = 5000   -- what pods carry, and what was announced, wakes nobody

-- What a live workload was made for: the digest of its configuration and its configMapSHA. One that is
-- not ours yet does not say, so it is what the ConfigMaps hold and what its template has.
local function made_for(live, name)
  local workload, config = live.workloads[name], live.configs[name]
  if not workload then
    return nil, nil
  end
  local config_digest, sha = adopt.recorded_config(workload)
  if config_digest then
    return config_digest, sha
  end
  sha = observed.config_sha(workload, name)
  if live.common and config then
    config_digest = adopt.config_digest(adopt.digest(live.common), config)
  end
  return config_digest, sha
end

-- Made by us and never complete so far. last: its status when last told.
local function is_coming_up(state, last)
  return state.exists and state.ours and not state.settled and (last == nil or last.phase == "Creating")
end

-- What the former operator would know a workload by; nil where that cannot be told. The workload keeps what it has
-- where it has another digest of its configuration than ours, of a release that counts in another way.
local function mark(wanted, part, sha)
  local one = wanted.marks[part.group.name]
  return one and sha == render.config_sha(wanted, part) and one or nil
end

-- Whether the cluster was the former operator's: only then it may be again, and its marks are kept right.
local function was_anothers(live)
  for _, workload in pairs(live.workloads) do
    if observed.annotation(workload, adopt.mark) then
      return true
    end
  end
  return false
end

-- A group of an update that is taken back gets what was ready last. True when it does.
local function restore(workload, part, before, live, fit)
  local kept, annotations = live.last_good[part.config.metadata.name], workload.metadata.annotations
  local back = last_good.replaced(kept, annotations[names.template_hash]) and last_good.restore(kept, workload, part)
  if not back then
    return false
  end
  annotations[names.template_hash] = back.template or adopt.digest(workload.spec.template)
  annotations[names.config_hash] = back.config
  fit.changed = observed.annotation(before, names.template_hash) ~= annotations[names.template_hash]
  return true
end

function M.is_back(live)
  return live.steering ~= nil and live.steering.back == true
end

-- Fits the Services and the budget of a group to those that are live: entry.replace are those that are deleted before.
local function fit_selectors(cluster, entry, live)
  local part, state, last = entry.part, entry.state, live.before[entry.group.name]
  local options = {
    pods = function() return live.pods and live.pods(entry.group, entry.live) or {} end,
    settled = state.exists and state.settled and not entry.changed,
    announced = function(text) return last ~= nil and (last.note or ""):find(text, 1, true) ~= nil end,
  }
  entry.replace, entry.skip = {}, {}
  for i, service in ipairs(part.services) do
    local name = service.metadata.name
    local before = (live.services or {})[name]
    local fit = services.fit(cluster, service, before, options)
    part.services[i], entry.skip[name] = fit.object or service, fit.object == nil or nil
    if fit.replace then
      table.insert(entry.replace, { live = before, field = fit.replace })
    end
    entry.notes = tables.concat(entry.notes, fit.notes)
    entry.kept = tables.concat(entry.kept, fit.kept and { fit.kept })
    entry.announced = tables.concat(entry.announced, fit.notes)
    entry.again_ms = fit.waits and M.again_ms or entry.again_ms
  end
  for _, object in ipairs(part.extras) do
    local before = object.kind == "PodDisruptionBudget" and (live.budgets or {})[object.metadata.name]
    local have = before and tables.dig(before, "spec", "selector", "matchLabels")
    if have then
      local selector, why = services.selector(object.spec.selector.matchLabels, have, options.pods, options.settled)
      if why then
        object.spec.selector = { matchLabels = selector }
        entry.notes = tables.concat(entry.notes, { services.selector_note(object, why) })
        entry.announced = tables.concat(entry.announced, { services.selector_note(object, why) })
        entry.again_ms = M.again_ms
      end
    end
  end
end

-- Why a group is left as it is, or nil: the pods of a StatefulSet keep their names, so those of another process can
-- not come up beside them.
local function refused(group, before, state)
  local was = tables.dig(before, "spec", "selector", "matchLabels", "component")
  if group.kind ~= "StatefulSet" or was == nil or was == group.type or state.total == 0 then
    return nil
  end
  return string.format("spec.nodes.%s.nodeType: the pods of this group are of type %s and nothing is changed. Give the "
    .. "group of type %s another name: it is Ready before the old one goes", group.key, was, group.type)
end

local function fit_group(cluster, wanted, part, live)
  local group = part.group
  local before = live.workloads[group.name]
  local config_digest = adopt.config_digest(wanted.common_digest, part.config.data)
  local live_digest, live_sha = made_for(live, group.name)
  local sha = live_digest == config_digest and live_sha or render.config_sha(wanted, part)
  local workload = render.workload(cluster, part, sha)
  local fit = adopt.fit(workload, before, {
    autoscaled = live.autoscaled[group.kind .. "/" .. group.name],
    config = adopt.config_text(config_digest, sha),
    mark = mark(wanted, part, sha),
  })
  local notes, made_anew = {}, (live.made_anew or {})[group.name]
  local function count()
    return live.pods and #live.pods(group, nil) or 0
  end
  local succeeds = not before and recreate.succeed(workload, made_anew, count)
  if not before and workload.spec.replicas == nil and count() > 0 then
    workload.spec.replicas = count()   -- an autoscaler's group whose workload is gone, and its pods are not
  end
  local claimed = {}
  for i, claim in ipairs(part.claims) do
    local told
    claimed[claim.metadata.name] = live.claims[claim.metadata.name] ~= nil
    part.claims[i], told = adopt.claim(claim, live.claims[claim.metadata.name])
    notes[#notes + 1] = told
  end
  local back = M.is_back(live) and before and restore(workload, part, before, live, fit)
  local declared = M.declared(cluster, group)
  local state = M.state(before, group, declared)
  if step.is_by_hand(declared) and group.kind == "StatefulSet" then
    workload.metadata.annotations[names.by_hand] = "true"
  end
  local entry = {
    rolled_back = back or nil, kept = tables.concat(notes), claimed = claimed,
    key = group.key, type = group.type, group = group, part = part, state = state,
    live = before, workload = workload, changed = fit.changed, notes = notes,
    made_for = adopt.config_text(live_digest, live_sha), declared = declared,
    coming_up = is_coming_up(state, live.before[group.name]), made_anew = made_anew, succeeds = succeeds or nil,
  }
  entry.refused = refused(group, before, state)
  if entry.refused then
    entry.failed, entry.changed, entry.replace, entry.skip = entry.refused, false, {}, {}
    return entry
  end
  fit_selectors(cluster, entry, live)
  if #fit.kept > 0 then
    entry.recreate = recreate.decide(cluster, entry, fit.kept)
    entry.notes = tables.concat(entry.notes, entry.recreate.notes)
    entry.kept = tables.concat(entry.kept, entry.recreate.blocked and entry.recreate.notes)
    entry.announced = tables.concat(entry.announced, entry.recreate.notes)
  end
  return entry
end

-- The update strategy that the Druid object asks for, or nil.
function M.declared(cluster, group)
  return tables.filled(group.node.updateStrategy or cluster.spec.updateStrategy or {})
end

-- How far a group is. declared: its update strategy, as above.
function M.state(live, group, declared)
  return observed.state(live, group.name, step.is_reclaimed(live, declared))
end

-- A group all of whose pods were ready by a status that is older than its spec may have been ready by that spec, too, or
-- by the one before: what it had is kept (druid.rollout.last_good) only when its controller has said which.
local function wait_until_seen(entries)
  for _, entry in ipairs(entries) do
    local state = entry.state
    local was_complete = state.total > 0 and state.updated == state.total and state.ready == state.total
    local keeps = not entry.rolled_back and not entry.coming_up and not state.ungated
    if entry.action == "go" and keeps and was_complete and not state.seen then
      entry.action, entry.unseen, entry.waits_for = "wait", true, "its controller has not seen the last change yet"
    end
  end
end

-- Which sets the operator steps (druid.rollout.step): those whose template is written now, those that are held already, and
-- those that their user has left half-way. `hold` of an entry is "begin", "keep", "end" or "return"; a set that is let go
-- gets its strategy back, at once or when the workers that were disabled in it take tasks again (druid.rollout.stepper).
local function decide_holds(cluster, entries)
  for _, entry in ipairs(entries) do
    local state = entry.state
    local stepped = step.is_wanted(cluster, entry)
    if state.held then
      local open = middlemanager.types[entry.type] and next(step.decode(observed.annotation(entry.live, names.step))) ~= nil
      entry.hold = stepped and "keep" or open and "return" or "end"
    elseif stepped and not entry.coming_up and (entry.action == "go" or state.reclaimed and state.rolling) then
      entry.hold = "begin"
    elseif state.reclaimed or step.is_left(entry.live, entry.declared) then
      entry.hold = "end"
    end
    if entry.hold and entry.hold ~= "end" then
      entry.workload.spec.updateStrategy = { type = "OnDelete" }
    end
  end
end

-- Sets that get smaller keep their size until the pods that leave are empty (druid.rollout.leaver).
local function decide_leaves(cluster, entries)
  for _, entry in ipairs(entries) do
    local due = not entry.refused and leaving.due(entry, entry.workload.spec.replicas)
    if due and (entry.type == "historical" or middlemanager.config(cluster, entry.group).strategy ~= "none") then
      entry.leave = due
      entry.workload.spec.replicas = due.from
    end
  end
end

-- Images that change, for telling an upgrade from a downgrade.
function M.image_changes(entries)
  local changes = {}
  for _, entry in ipairs(entries) do
    if entry.state.exists and entry.changed then
      local container = observed.main_container(entry.workload, entry.group.name)
      changes[#changes + 1] = { from = entry.state.image, to = container and container.image }
    end
  end
  return changes
end

-- live: what is there: { workloads =, configs = (data maps), before = (last status) by group name, claims, services,
-- budgets = by name, made_anew = notes of druid.recreate, common = data map or nil, autoscaled = most by "Kind/name",
-- pods(group, workload) = { labels =, ready = } of each }.
-- Gives an entry for each group: what it is, what it should be, and how far it is.
function M.entries(cluster, wanted, live)
  local entries = {}
  wanted.common_digest = adopt.digest(wanted.common.data)
  wanted.marks = was_anothers(live) and former.digests(cluster, wanted) or {}
  for i, part in ipairs(wanted.groups) do
    entries[i] = fit_group(cluster, wanted, part, live)
  end
  local kept = M.is_back(live) and live.last_good[wanted.common.metadata.name]
  if kept and last_good.replaced(kept, wanted.common_digest) then
    wanted.common, wanted.rolled_back = tables.merge(wanted.common, { data = json.copy(kept.data) }), true
  end
  return entries
end

-- What druid.rollout has to know besides the groups.
local function rollout_options(cluster, live, direction)
  return {
    downgrade = direction ~= nil and direction.downgrade,
    all_at_once = cluster.spec.rollingDeploy == false,
    frozen = live.steering and live.steering.frozen, stop = live.steering and live.steering.stop,
    leaders = live.leaders, serving = live.serving, tier = function(entry) return tiers.name(cluster, entry.group) end,
  }
end

-- The steps of a run that has nothing to compare: each group is as it should be, and may be on its way, or is known to
-- wait (known: what druid.proof kept). Nil when one of those may go now.
function M.unchanged(cluster, live, known)
  local entries, count = {}, { create = 0, keep = 0, go = 0, wait = 0 }
  for i, group in ipairs(cluster.groups) do
    local workload = live.workloads[group.name]
    local declared = M.declared(cluster, group)
    local state = M.state(workload, group, declared)
    entries[i] = {
      key = group.key, type = group.type, group = group, part = { claims = {} }, state = state,
      live = workload, workload = workload, changed = known.waiting[group.key] or false, notes = {},
      declared = declared,
      coming_up = is_coming_up(state, live.before[group.name]),
    }
  end
  local sorted = rollout.decide(entries, rollout_options(cluster, live, known.direction))
  for _, entry in ipairs(sorted) do
    count[entry.action] = count[entry.action] + 1
  end
  if count.create + count.go > 0 then
    return nil
  end
  return { groups = sorted, count = count, stamps = {}, direction = known.direction, autoscaled = live.autoscaled }
end

-- The common ConfigMap goes out with the first group that starts with it, never before: a pod that
-- restarts by itself meanwhile must find the configuration of its template.
local function common_now(wanted, live, count)
  return live.common == nil or json.equal(live.common, wanted.common.data)
    or count.create > 0 or count.go > 0 or count.wait == 0
end

-- Gives { groups = sorted entries with actions, common = write it now, count =, stamps = … }.
function M.decide(cluster, wanted, live, entries, direction)
  local sorted = rollout.decide(entries, rollout_options(cluster, live, direction))
  wait_until_seen(sorted)
  decide_holds(cluster, sorted)
  decide_leaves(cluster, sorted)
  local count = { create = 0, keep = 0, go = 0, wait = 0 }
  local stamps = {}
  for _, entry in ipairs(sorted) do
    local action = entry.succeeds and "keep" or entry.action   -- its pods are there, and go on
    count[action] = count[action] + 1
    if entry.action == "wait" and not observed.annotation(entry.live, names.config_hash) then
      -- Remember which configuration an adopted group still runs, before the ConfigMap moves on.
      stamps[#stamps + 1] = { target = entry.live, value = entry.made_for }
    end
  end
  local steps = { groups = sorted, count = count, stamps = stamps, direction = direction, kept = live.last_good or {},
    unmarked = live.unmarked, autoscaled = live.autoscaled, common = common_now(wanted, live, count) }
  steps.keeps = M.keeps(cluster, wanted, live, steps)
  return steps
end

-- What is kept of that which is overwritten now: it is written before.
function M.keeps(cluster, wanted, live, steps)
  local list = {}
  local kept = live.last_good or {}
  list[1] = steps.common and last_good.of_common(cluster, wanted, live, steps.groups, kept[wanted.common.metadata.name]) or nil
  for _, entry in ipairs(steps.groups) do
    list[#list + 1] = last_good.of_group(cluster, entry, live.configs[entry.group.name],
      kept[entry.part.config.metadata.name])
  end
  return list
end

-- What to apply for an entry: first what its pods need, then the workload and what refers to it. A workload that is
-- ending is not written over: what it had to keep would come back in the one that is made when it is gone.
function M.objects(entry)
  local part, first, second = entry.part, {}, {}
  if entry.refused then
    return first, second
  end
  if entry.action ~= "wait" then
    first[1] = part.config
  end
  for _, service in ipairs(part.services) do
    if not entry.skip[service.metadata.name] then
      first[#first + 1] = service
    end
  end
  first = tables.concat(first, part.claims)
  second = tables.concat(second, part.extras)
  if tables.dig(entry.live, "metadata", "deletionTimestamp") then
    return first, second   -- it is made again when it is gone
  elseif entry.action == "wait" then
    second[#second + 1] = adopt.without_template(entry.workload, entry.live)
  else
    second[#second + 1] = entry.workload
  end
  return first, second
end

-- The names of everything that is rendered, by kind, and of what is kept of it.
function M.rendered_names(wanted, steps)
  local entries = steps.groups
  local by_kind = { ConfigMap = { wanted.common.metadata.name } }
  local function take(kind, name)
    by_kind[kind] = by_kind[kind] or {}
    table.insert(by_kind[kind], name)
  end
  for _, entry in ipairs(entries) do
    take("ConfigMap", entry.part.config.metadata.name)
    take(entry.group.kind, entry.group.name)
    for _, object in ipairs(entry.part.services) do
      take(object.kind, object.metadata.name)
    end
    for _, object in ipairs(entry.part.extras) do
      take(object.kind, object.metadata.name)
    end
  end
  local kept = {}
  for config in pairs(steps.kept) do
    kept[last_good.name(config)] = true
  end
  for _, object in ipairs(steps.keeps) do
    kept[object.metadata.name] = true
  end
  for _, name in ipairs(tables.keys(kept)) do
    take("ConfigMap", name)
  end
  return by_kind
end

-- Owned objects that are no longer rendered. A workload stays while a new group of its type comes
-- up (one that was renamed, perhaps), or while the one of its name and another kind does; and what its pods need stays
-- with it. Gives the list to delete and the names that are kept.
function M.removals(cluster, names_by_kind, owned, entries, kinds)
  local rendered, busy, more = {}, {}, false
  for _, kind in ipairs(kinds) do
    local list = names_by_kind[kind.kind] or {}
    -- All that is rendered is there by now, so as many as rendered means: nothing else.
    more = more or #(owned[kind.kind] or {}) ~= #list
    for _, name in ipairs(list) do
      rendered[kind.kind .. "/" .. name] = true
    end
  end
  if not more then
    return {}, {}
  end
  local successor = {}   -- of a workload of another kind, by its name
  for _, entry in ipairs(entries) do
    if entry.action == "create" or entry.coming_up then
      busy[entry.type] = entry.key
    end
    if entry.action == "create" or not entry.state.settled or entry.state.ready < entry.state.total then
      successor[entry.group.name] = entry.key
    end
  end
  local remove, kept, kept_groups = {}, {}, {}
  for _, kind in ipairs(kinds) do
    for _, object in ipairs(owned[kind.kind] or {}) do
      local metadata = object.metadata
      if not rendered[kind.kind .. "/" .. metadata.name] and not metadata.deletionTimestamp then
        local labels = metadata.labels or {}
        local unique = labels.nodeSpecUniqueStr or metadata.name
        local first = busy[labels.component] or successor[metadata.name]
        if kind.workload and first then
          kept_groups[unique] = true
          kept[#kept + 1] = { name = metadata.name, list = kind.list, waits_for = first .. " is not up yet" }
        elseif not kept_groups[unique] then
          remove[#remove + 1] = { apiVersion = kind.apiVersion, kind = kind.kind,
            namespace = cluster.namespace, name = metadata.name, uid = metadata.uid, unique = unique, list = kind.list }
        end
      end
    end
  end
  return remove, kept
end

return M
