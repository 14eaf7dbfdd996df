local version = require "druid.version"

return {
  ["versions are read from the tags people use"] = function(t)
    t.equal(version.of_image("apache/druid:33.0.0"), { 33, 0, 0 })
    t.equal(version.of_image("registry:5000/apache/druid:v34.0.1-rc2@sha256:abc"), { 34, 0, 1 })
    t.equal(version.of_image("himanshu01/druid:druid-0.12.0-1"), { 0, 12, 0 })
    t.equal(version.of_image("druid:37"), { 37 })
  end,
  ["a tag that is no version is none"] = function(t)
    for _, image in ipairs({ "druid", "registry:5000/druid", "druid:latest", "druid:1a2b3c4",
                             "druid@sha256:0123", "druid:20250101" }) do
      t.equal(version.of_image(image), nil)
    end
  end,
  ["numbers compare as numbers and missing parts are zero"] = function(t)
    t.ok(version.compare({ 9, 9 }, { 10 }) < 0)
    t.equal(version.compare({ 33 }, { 33, 0, 0 }), 0)
    t.ok(version.compare({ 33, 0, 1 }, { 33 }) > 0)
  end,
}
