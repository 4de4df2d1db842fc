/* Linked with an application, makes it a program: see weir_streams_main. */
#include "streams/include/weir/streams.h"

int main(int argc, char **argv)
{
    return weir_streams_main(argc, argv, weir_streams_app_build);
}
