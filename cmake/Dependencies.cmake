# Every outside library, found once, as an imported target: dep::<name>. docs/architecture.md says what each is for.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

set(tests_only)
if(BUILD_TESTING)
    set(tests_only "avro;avro-c" "cmocka;cmocka")
endif()
foreach(pair ${tests_only}
        "uv;libuv" "microhttpd;libmicrohttpd" "jansson;jansson" "rdkafka;rdkafka"
        "pq;libpq" "sqlite3;sqlite3" "crypto;libcrypto" "ssl;libssl" "isal;libisal" "lz4;liblz4"
        "zstd;libzstd" "zlib;zlib" "curl;libcurl" "yaml;yaml-0.1" "pcre2;libpcre2-8")
    list(GET pair 0 name)
    list(GET pair 1 module)
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
    add_library(dep::${name} ALIAS PkgConfig::${name})
endforeach()

# These two ship no pkg-config file in Debian 12.
foreach(pair "snappy;snappy-c.h;snappy" "rocksdb;rocksdb/c.h;rocksdb")
    list(GET pair 0 name)
    list(GET pair 1 header)
    list(GET pair 2 library)
    find_path(${name}_INCLUDE_DIR ${header} REQUIRED)
    find_library(${name}_LIBRARY ${library} REQUIRED)
    add_library(dep_${name} INTERFACE)
    target_include_directories(dep_${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIR})
    target_link_libraries(dep_${name} INTERFACE ${${name}_LIBRARY})
    add_library(dep::${name} ALIAS dep_${name})
endforeach()
