# Turns policies/**.lua and crd/*.yaml into one C file of byte arrays (see runtime/cli/embed.h).
# Run as: cmake -DSOURCE=... -DOUT=... -P embed.cmake
file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/policies/*.lua ${SOURCE}/crd/*.yaml)
list(SORT files)
set(arrays "")
set(table "")
set(index 0)
foreach(file ${files})
  if(file MATCHES "_test\\.lua$")
    continue()
  endif()
  file(READ ${SOURCE}/${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char file_${index}[] = {${bytes}0x00};\n")
  string(APPEND table "    {\"${file}\", (const char *)file_${index}, sizeof(file_${index}) - 1},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUT} "#include <stddef.h>\nstruct embed_file { const char *path; const char *data; size_t len; };\n"
  "${arrays}extern const struct embed_file embed_files[];\nextern const size_t embed_file_count;\n"
  "const struct embed_file embed_files[] = {\n${table}    {NULL, NULL, 0}};\n"
  "const size_t embed_file_count = ${index};\n")
