-- Decides in which order groups change, and which of them may change now. Pure.
--
-- From: the groups with their observed state, and whether the pod template of each would change.
-- The rules:
--   1. A group that does not exist is created at once, all of them side by side.
--   2. A group whose pod template stays is written at once: nothing restarts.
--   3. Of the groups that would restart, one goes at a time, in `order` (reversed for a downgrade),
--      and only when no group is under way and every group before it is complete and ready, also by Druid's
--      own word (options.serving); of Historicals also every other one of their tier.
--   4. Never held back: a group that is still coming up for the first time, one that is under way
--      already (the newer template may be the cure), and one without pods. When a broken group
--      blocks the order, its own change may go, and the next one that has no ready pod: it has nothing
--      to lose, and it may be the reason.
--   5. spec.rollingDeploy: false lets all go at once.
--   6. While the update is paused, aborted or taken back (druid.rollout.steering) nothing that is ready restarts, except
--      what returns to what was ready last.
-- To override: change `order`, or replace `compare`, `direction` or `decide`.

local tables = require "lib.tables"
local version = require "druid.version"

local M = {}

-- The order that Druid documents for an upgrade.
M.order = { "historical", "middleManager", "indexer", "broker", "router", "overlord", "coordinator" }

-- Types that share a rank with the one before may not: each has its place in `order`.
function M.rank(node_type)
  for i, name in ipairs(M.order) do
    if name == node_type then
      return i
    end
  end
  return #M.order + 1
end

-- True when group a goes before group b. Groups of one type go by their key.
function M.compare(a, b, downgrade)
  local x, y = M.rank(a.type), M.rank(b.type)
  if x ~= y then
    if downgrade then
      return x > y
    end
    return x < y
  end
  return a.key < b.key
end

function M.sort(groups, downgrade)
  local sorted = tables.concat(groups)
  table.sort(sorted, function(a, b) return M.compare(a, b, downgrade) end)
  return sorted
end

-- changes: list of { from = image, to = image }; running: the version the cluster's leader reports,
-- or nil. Gives { downgrade =, known =, from =, to =, why = } or nil when no image changes.
-- known is false when the versions cannot be told: then it is the order of an upgrade.
function M.direction(changes, running)
  local result
  for _, change in ipairs(changes) do
    if change.from and change.from ~= change.to then
      local from = version.of_image(change.from) or (running and version.parse(running))
      local to = version.of_image(change.to)
      local this = { from = change.from, to = change.to, known = from ~= nil and to ~= nil }
      if this.known then
        this.downgrade = version.compare(to, from) < 0
        this.why = this.downgrade and "downgrade" or "upgrade"
      else
        this.downgrade = false
        this.why = "upgrade order, for the versions cannot be told from the images"
      end
      if result and result.known and this.known and result.downgrade ~= this.downgrade then
        return { from = this.from, to = this.to, known = true, downgrade = false,
          why = "upgrade order, for some groups go up and others down" }
      end
      if not result or (this.known and not result.known) then
        result = this
      end
    end
  end
  return result
end

-- The broken group that has to heal before `next_group` may go: one before it, or any of its tier, whose data it may
-- be the only one to hold. A group is never in its own way: what is broken itself may be corrected, and which of its
-- pods go is another question.
local function blocker(sorted, next_group, options)
  local before, whole = true, next_group.type == "historical" and next_group.state.settled and options.tier ~= nil
  for _, group in ipairs(sorted) do
    before = before and group ~= next_group
    if group ~= next_group and group.state.exists and not group.state.settled then
      local peer = whole and group.type == "historical" and not group.coming_up
        and options.tier(group) == options.tier(next_group)
      if before or peer then
        return group
      end
    end
  end
  return nil
end

-- A group that has nothing to lose: its change may be what helps. While nobody leads that is who could.
function M.is_cure(group, options)
  local could_lead = false
  for _, key in ipairs(options.leaders and options.leaders.keys or {}) do
    could_lead = could_lead or key == group.key
  end
  return could_lead or group.state.ready == 0
end

-- What a group is short of, for people: "brokers has 1 of 2 pods ready".
function M.lack(group)
  local state = group.state
  if state.rolling and state.seen and state.updated < state.total then
    return string.format("%s has %d of %d pods updated", group.key, state.updated, state.total)
  end
  return string.format("%s has %d of %d pods ready", group.key, state.ready, state.total)
end

-- The groups that go before another one.
local function before(sorted, group)
  local list = {}
  for _, one in ipairs(sorted) do
    if one == group then
      break
    end
    list[#list + 1] = one
  end
  return list
end

-- What keeps the next group from going, in words, and the broken group that does; nil when nothing does.
local function obstacle(sorted, next_group, options)
  local broken = blocker(sorted, next_group, options)
  if broken then
    return M.lack(broken), broken
  end
  local leaders = options.leaders or {}
  local words = leaders.leaderless or leaders.pending
  if not words and options.serving and not M.is_cure(next_group, options) then
    words = options.serving(before(sorted, next_group), next_group)
  end
  return words
end

-- groups: list of { key=, type=, state=, changed=, coming_up= }. Sets on each of them `action`
-- ("create", "keep", "go" or "wait") and, when it waits, `waits_for`. Gives them sorted. options: { downgrade, all_at_once,
-- frozen, stop = see druid.rollout.steering, leaders = see druid.leadership, tier(group) = name, serving(groups, group) =
-- what has to serve before that group may go, in words; see druid.rollout.serving }.
function M.decide(groups, options)
  local sorted = M.sort(groups, options.downgrade)
  local waiting, under_way = {}, nil
  for _, group in ipairs(sorted) do
    local state = group.state
    if not state.exists then
      group.action = "create"
    elseif not group.changed then
      group.action = "keep"
    elseif options.frozen and state.total > 0 and not group.coming_up and (options.stop or not group.rolled_back) then
      group.action, group.waits_for = "wait", options.frozen
    elseif options.all_at_once or group.coming_up or state.rolling or state.total == 0
      or state.ungated then
      group.action = "go"
    else
      group.action = "wait"
      waiting[#waiting + 1] = group
    end
    local restarting = group.action == "go" and state.total > 0 and not state.ungated
    if not group.coming_up and (state.rolling or restarting) then
      under_way = under_way or group
    end
  end
  if waiting[1] and not under_way then
    local first = waiting[1]
    local words, broken = obstacle(sorted, first, options)
    if words then
      first.waits_for = words
      first = nil
      for _, group in ipairs(waiting) do
        first = first or ((group == broken or M.is_cure(group, options)) and group or nil)
      end
    end
    if first then
      first.action, first.waits_for = "go", nil
      under_way = first
    end
  end
  for _, group in ipairs(waiting) do
    if group.action == "wait" and not group.waits_for then
      group.waits_for = under_way and (under_way.action == "go" and under_way.key .. " is being updated"
        or M.lack(under_way)) or waiting[1].waits_for or "its turn"
    end
  end
  return sorted
end

return M
