-- Carries a plan out: the only writes of a run to a cluster's own objects.
--
-- ConfigMaps and Services of up to `groups_at_once` groups go side by side, then their workloads, then the
-- next groups; a group whose first part failed does not get its second, the others do. What is no longer
-- asked for is deleted at the end, and only when all of the rest was written. A run that has written for
-- `budget_s` leaves the rest to the next one, which follows at once, so that people see how far it is; the
-- first run for a cluster stops early for the same reason (done.left = what it did not look at). Each
-- function notes what it did in `done`:
-- { created =, updated =, deleted =, replaced =, errors =, kept = lists, landed = objects as they were answered, in the
-- order of their writing, emptied = pods that leave now (druid.rollout.leaver), enabled = texts about workers that take
-- tasks again, failure = the first error }.

local names = require "druid.names"
local observed = require "druid.observed"
local leaver = require "druid.rollout.leaver"
local plan = require "druid.plan"
local step = require "druid.rollout.step"
local stepper = require "druid.rollout.stepper"
local refusal = require "lib.refusal"
local tables = require "lib.tables"
local takeover = require "druid.takeover"
local world = require "druid.world"

local M = {}

M.groups_at_once, M.budget_s = 48, 20

function M.nothing_done()
  return { created = {}, updated = {}, deleted = {}, replaced = {}, errors = {}, kept = {}, landed = {}, emptied = {},
    enabled = {} }
end

-- True when the next run has nothing to write, unless somebody else changes something: all is as it should be now, or
-- waits for its turn in a cluster that is ours alone.
function M.left_all_as_wanted(steps, done)
  local noted, count = false, steps.count
  for _, entry in ipairs(steps.groups) do
    noted = noted or #entry.notes > 0 or entry.leave ~= nil or entry.refused ~= nil or entry.rolled_back ~= nil
      or entry.made_anew ~= nil   -- a run that writes leaves the note of it to the next one (druid.recreate)
  end
  return not noted and not done.failure and not done.left and (count.go + count.wait == 0 or steps.unmarked == true)
    and #steps.stamps + #done.deleted + #done.replaced + #done.kept + #done.errors == 0
end

-- A lost race is tried again at once and worth no word; a name that is taken stays taken.
local function passes(err)
  return err.code == "conflict" and err.status == 409
end

-- A claim that stands for itself and may not change is a note: it is there, and pods go on with it as it is.
local function is_note(entry, object, err)
  if object.kind ~= "PersistentVolumeClaim" or not entry or not entry.claimed[object.metadata.name]
    or err.code ~= "forbidden" and err.code ~= "invalid" then
    return false
  end
  local words = string.format("PersistentVolumeClaim %s does not grow: %s", object.metadata.name, refusal.words(err.message))
  table.insert(entry.notes, words)
  entry.refusals = tables.concat(entry.refusals, { words })
  return true
end

-- Notes the answers of apply_all. objects[i] belongs to owners[i] (an entry, or nil for the cluster).
local function note_answers(answers, objects, owners, done)
  local all_written = true
  for i, answer in ipairs(answers) do
    local object, entry = objects[i], owners[i]
    local what = { kind = object.kind, name = object.metadata.name }
    local refused = answer.err and not is_note(entry, object, answer.err)
    if refused then
      all_written = false
      done.failure = done.failure or answer.err
      if not passes(answer.err) then
        local why = refusal.words(answer.err.message)
        local text = what.kind .. " " .. what.name .. ": " .. why
        if entry then
          -- Those of a group that bear its name are told apart by their kind.
          entry.failed = entry.failed or (what.name == entry.group.name and what.kind .. ": " .. why or text)
        else
          done.errors[#done.errors + 1] = text
        end
      end
      if entry then
        entry.held = true
      end
    elseif answer.change == "created" then
      table.insert(done.created, what)
    elseif answer.change == "updated" then
      table.insert(done.updated, what)
    end
    if answer.object and answer.change ~= "same" then
      table.insert(done.landed, answer.object)
    end
    if entry and answer.object and answer.change ~= "same" and what.kind == entry.group.kind then
      entry.state = observed.state(answer.object, entry.group.name)
    end
  end
  return all_written
end

-- Writes the groups first..last, and the common configuration before the first of them. False when
-- anything failed; the second answer is false when nothing more may be written.
local function apply_groups(ctx, wanted, steps, first, last, done)
  local early, early_of, late, late_of = {}, {}, {}, {}
  local common = steps.common and first == 1
  if common then
    early[1], early_of[1] = wanted.common, false
  end
  for i = first, last do
    local before, after = plan.objects(steps.groups[i])
    for _, object in ipairs(before) do
      early[#early + 1], early_of[#early + 1] = object, steps.groups[i]
    end
    steps.groups[i].second = after
  end
  local answers = #early > 0 and ctx.apply_all(early, { whole = { "data", "spec.selector" } }) or {}
  local written = note_answers(answers, early, early_of, done)
  if #done.errors > 0 or (common and answers[1].err) then
    return false, false   -- No pod may start without the common configuration.
  end
  for i = first, last do
    local entry = steps.groups[i]
    for _, object in ipairs(entry.held and {} or entry.second) do
      late[#late + 1], late_of[#late + 1] = object, entry
    end
  end
  answers = #late > 0 and ctx.apply_all(late) or {}
  return note_answers(answers, late, late_of, done) and written, true
end

-- Deletes the Services that others of the same name replace, which is told since the last run. False when anything failed.
local function make_way(ctx, kube_door, entry, done)
  for _, row in ipairs(entry.replace) do
    local live = row.live
    local _, err = ctx.delete({ apiVersion = "v1", kind = "Service", namespace = live.metadata.namespace,
      name = live.metadata.name, uid = live.metadata.uid }, { reason = "it is made anew for its " .. row.field })
    if err then
      done.failure = err
      return false
    end
    table.insert(done.deleted, { kind = "Service", name = live.metadata.name, why = "made anew for its " .. row.field })
    -- A load balancer's Service stays until its balancer is gone.
    local left = kube_door.read({ apiVersion = "v1", kind = "Service", namespace = live.metadata.namespace,
      name = live.metadata.name })
    entry.skip[live.metadata.name] = left ~= nil or nil
  end
  return true
end

-- Before anything is overwritten: what was ready last is kept, and sets that will be stepped are held. The two may
-- land in any order: a set that is held with its old template is still what it was. True, or nil and an error.
local function prepare(ctx, steps, done)
  local holds = {}
  for _, entry in ipairs(steps.groups) do
    if entry.hold == "begin" then
      holds[#holds + 1] = step.hold_patch(entry.live)
    end
  end
  if #steps.keeps + #holds > 0 then
    for _, answer in ipairs(ctx.apply_all(steps.keeps, { whole = { "data" }, merges = holds })) do
      if answer.err then
        return nil, answer.err
      elseif answer.change ~= "same" then
        table.insert(done.landed, answer.object)
      end
    end
  end
  return true
end

-- Writes the plan. False when anything failed, or was left to the next run.
function M.apply(ctx, kube_door, wanted, steps, done)
  local taken, unable = takeover.run(ctx, kube_door, steps.groups, steps.common and wanted.common or nil, steps.unmarked)
  if not taken then
    done.failure = unable
    return false
  end
  local prepared, why = prepare(ctx, steps, done)
  if not prepared then
    done.failure = why
    return false
  end
  for _, entry in ipairs(steps.groups) do
    local released, err = true, nil
    if entry.hold == "end" then
      released, err = stepper.release(ctx, entry, entry.live)
    end
    if not released then
      done.failure = err
      return false
    elseif not make_way(ctx, kube_door, entry, done) then
      return false
    end
  end
  for _, stamp in ipairs(steps.stamps) do
    local _, err = ctx.patch(stamp.target,
      { metadata = { annotations = { [names.config_hash] = stamp.value } } }, { type = "merge" })
    if err then
      done.failure = err
      return false
    end
  end
  local count, written = #steps.groups, true
  local stop_at = clock.now() + (ctx.object.status and M.budget_s or 0)
  for first = 1, math.max(count, 1), M.groups_at_once do
    local last = math.min(first + M.groups_at_once - 1, count)
    local fine, goes_on = apply_groups(ctx, wanted, steps, first, last, done)
    written = written and fine
    if not goes_on then
      return false
    elseif last < count and clock.now() >= stop_at and not ctx.previewing then
      done.left = count - last
      return false
    end
  end
  return written
end

-- Deletes one object, unless its pods have to be emptied first. True when it is gone, false when it stays, and
-- nil, err.
local function remove_one(ctx, kube_door, druid, cluster, object, done)
  local may_go, words, blocked, leavers, go_now = leaver.may_go(ctx, kube_door, druid, cluster, object)
  done.emptied[#done.emptied + 1] = go_now and leavers or nil
  if may_go then
    local gone, err = ctx.delete(object, { reason = "not in spec.nodes any more" })
    done.emptied[#done.emptied + 1] = gone and leavers or nil
    return gone, err
  elseif may_go == false then
    table.insert(done.kept, { name = object.name, list = object.list, waits_for = words, blocked = blocked,
      leavers = not go_now and leavers or nil })
    done.again_ms = leaver.again_ms
    return false
  end
  return nil, words
end

-- Deletes what is no longer asked for. A workload whose pods hold something is emptied first, and what its
-- pods need stays as long.
function M.remove(ctx, kube_door, druid, cluster, wanted, steps, done)
  local stays = {}
  local list, kept = plan.removals(cluster, plan.rendered_names(wanted, steps),
    world.owned(kube_door, cluster), steps.groups, world.kinds)
  done.kept = kept
  local stop_at = clock.now() + M.budget_s
  for i, object in ipairs(list) do
    if i > 1 and clock.now() >= stop_at then
      done.left = #list - i + 1
      return
    end
    local gone, err = false, nil
    if not stays[object.unique] then
      gone, err = remove_one(ctx, kube_door, druid, cluster, object, done)
    end
    stays[object.unique] = not gone
    if err then
      done.failure = done.failure or err
      table.insert(done.errors, object.kind .. " " .. object.name .. ": " .. refusal.words(err.message))
    elseif gone then
      table.insert(done.deleted, object)
    end
  end
end

return M
